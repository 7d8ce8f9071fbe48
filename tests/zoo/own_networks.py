"""One small classifier in the forms that people's own code gives it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DataParallel
from torch.optim.swa_utils import AveragedModel

FEATURES, CLASSES, SIDE = 8, 5, 16


def body() -> nn.Sequential:
    """Images to features, whose affines look trained; the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = nn.Sequential(
            *(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU()),
            *(nn.Conv2d(6, FEATURES, 3, 2, 1), nn.BatchNorm2d(FEATURES), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        )
        for layer in net:
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.uniform_(layer.weight, 0.5, 1.5)
                nn.init.normal_(layer.bias, 0, 0.5)
    return net


def head() -> nn.Linear:
    """Features to logits, the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return nn.Linear(FEATURES, CLASSES)


class Net(nn.Module):
    """Body and head under any name."""

    fc: Any

    def __init__(self, name: str = "fc") -> None:
        super().__init__()
        self.body = body()
        self.name = name
        setattr(self, name, head())

    def forward(self, images: Tensor) -> Any:
        """Logits."""
        logits: Tensor = getattr(self, self.name)(self.body(images))
        return logits


def plain(name: str = "fc") -> nn.Module:
    """The usual form."""
    return Net(name)


def sequential() -> nn.Module:
    """Without names."""
    return nn.Sequential(*body(), nn.Dropout(0.5), head())


def nested() -> nn.Module:
    """With the head in a stack of its own."""
    return nn.Sequential(body(), nn.Sequential(nn.Dropout(0.5), head()))


def parallel() -> nn.Module:
    """As it is trained on several GPUs."""
    return DataParallel(Net("_fc"))


def compiled() -> nn.Module:
    """As it is trained in a hurry."""
    net: Any = torch.compile(DataParallel(Net()), backend="eager")
    module: nn.Module = net
    return module


def compiled_in_place() -> nn.Module:
    """By the module's own method."""
    net = Net()
    net.compile(backend="eager")
    return net


def averaged() -> nn.Module:
    """Of weight averaging."""
    return AveragedModel(Net())


def wrapped_inside() -> nn.Module:
    """With wrapped parts."""
    net: Any = Net()
    net.body = torch.compile(DataParallel(net.body), backend="eager")
    made: nn.Module = net
    return made


class Silent(Net):
    """As of OpenMMLab: what PyTorch's methods give back, these do not."""

    def train(self, mode: bool = True) -> Any:
        """Set the mode."""
        super().train(mode)

    def eval(self) -> Any:
        """Set the mode."""
        super().eval()

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Move."""
        super().to(*args, **kwargs)

    def float(self) -> Any:
        """Cast."""
        super().float()

    def cpu(self) -> Any:
        """Move."""
        super().cpu()

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Set what is trained."""
        super().requires_grad_(requires_grad)


def double() -> nn.Module:
    """In another precision."""
    return Net().double()


def frozen(but: str = "out.bias") -> nn.Module:
    """With one parameter to train: of the head, or another."""
    net = Net("out").requires_grad_(False)
    net.get_parameter(but).requires_grad_(True)
    return net


class Misleading(Net):
    """With a layer of a usual name that is not its head."""

    def __init__(self) -> None:
        super().__init__("last")
        self.fc = head()

    def forward(self, images: Tensor) -> Any:
        """Logits."""
        self.fc(self.body(images))
        return super().forward(images)


class Interface(Net):
    """With timm's names, by its own rules."""

    def get_classifier(self) -> str:
        """No module."""
        return "fc"

    def reset_classifier(self, num_classes: int, pool: str = "avg") -> None:
        """A layer of no outputs."""
        self.fc = nn.Linear(FEATURES, num_classes)


class Alias(Net):
    """With its head under two names."""

    def __init__(self) -> None:
        super().__init__("a")
        self.b: Any = self.a

    def forward(self, images: Tensor) -> Any:
        """Logits."""
        return self.b(self.body(images))


class Softmax(Net):
    """Gives probabilities."""

    def forward(self, images: Tensor) -> Any:
        """Probabilities."""
        return super().forward(images).softmax(dim=1)


class Scaled(Net):
    """Gives log-probabilities at a temperature that is learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.5))

    def forward(self, images: Tensor) -> Any:
        """Log-probabilities."""
        return F.log_softmax(super().forward(images) * self.scale.exp(), dim=1)


class NoGradients(Net):
    """Of a library for inference."""

    @torch.inference_mode()
    def forward(self, images: Tensor) -> Any:
        """Logits."""
        return super().forward(images)


class QuietProbabilities(Net):
    """Both."""

    @torch.no_grad()
    def forward(self, images: Tensor) -> Any:
        """Probabilities."""
        return super().forward(images).softmax(dim=1)


class OneByOne(Net):
    """With a convolution for a head, on pooled maps or before they are pooled."""

    def __init__(self, late: bool = False, flat: bool = True) -> None:
        super().__init__()
        plain = head()
        self.fc = nn.Conv2d(FEATURES, CLASSES, 1)
        with torch.no_grad():
            self.fc.weight.copy_(plain.weight[..., None, None])
            self.fc.bias.copy_(plain.bias)
        self.body = self.body[: -2 if late else -1]
        self.late = late
        self.flat = flat

    def forward(self, images: Tensor) -> Any:
        """Logits."""
        logits = self.fc(self.body(images))
        if self.late:
            return logits.mean(dim=(2, 3))
        return logits.flatten(1) if self.flat else logits


class Several(Net):
    """Gives more than its logits."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, images: Tensor) -> Any:
        """Logits among others."""
        features = self.body(images)
        logits = self.fc(features)
        if self.kind == "dict":
            return {"loss": None, "logits": logits}
        if self.kind == "ModelOutput":
            return OrderedDict(logits=logits, hidden_states=(images, features))
        return (logits, features) if self.kind == "tuple" else [logits]


class Backbone(Net):
    """Gives what transformers' backbones give, or maps of all its scales."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, images: Tensor) -> Any:
        """No logits."""
        fine = self.body[:3](images)
        coarse = self.body[3:6](fine)
        if self.kind == "maps":
            return (fine, coarse)
        return OrderedDict(last_hidden_state=coarse, pooler_output=self.body[6](coarse))


class Writing(Net):
    """Changes the images that it is given."""

    def forward(self, images: Tensor) -> Any:
        """Logits."""
        logits = super().forward(images.clone())
        images.mul_(0).add_(7)
        return logits


def headless() -> nn.Module:
    """Features alone."""
    return body()


def traced() -> nn.Module:
    """To TorchScript, by what it did once."""
    module: nn.Module = torch.jit.trace(Net().eval(), torch.zeros(2, 3, SIDE, SIDE))  # type: ignore[no-untyped-call]
    return module


class Pixelwise(Net):
    """Gives classes of pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Conv2d(3, CLASSES, 3, padding=1)

    def forward(self, images: Tensor) -> Any:
        """Logits of each pixel."""
        return self.fc(images)


def traced_inside() -> nn.Module:
    """With a traced part."""
    net: Any = Net()
    net.body = torch.jit.trace(net.body.eval(), torch.zeros(2, 3, SIDE, SIDE))  # type: ignore[no-untyped-call]
    made: nn.Module = net
    return made


class Functional(Net):
    """With the head's weights alone."""

    def forward(self, images: Tensor) -> Any:
        """Logits."""
        return F.linear(self.body(images), self.fc.weight, self.fc.bias)


class TwoHeads(Net):
    """With the classes of two sources side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.other = nn.Linear(FEATURES, 2)
        nn.init.ones_(self.other.weight)
        nn.init.zeros_(self.other.bias)

    def forward(self, images: Tensor) -> Any:
        """Logits of both."""
        features = self.body(images)
        return torch.cat([self.fc(features), self.other(features)], dim=1)


class NormedLogits(Net):
    """With a normalisation that needs as many features as there are classes."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.BatchNorm1d(CLASSES)

    def forward(self, images: Tensor) -> Any:
        """Normalised logits."""
        return self.last(super().forward(images))


class Clinging(Net):
    """With a prior for each class beside its head."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("prior", torch.ones(CLASSES))

    def forward(self, images: Tensor) -> Any:
        """Logits."""
        return super().forward(images) + self.prior


def without_numbers() -> nn.Module:
    """Not filled yet."""
    with torch.device("meta"):
        return Net()
