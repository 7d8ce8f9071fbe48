import pytest

from acrank.data.folders.part_names import Role, role_of, roles_of, says_nothing, split_by_class

TRAINING = "train Train TRAIN training Training trn Train_images train2017 TrainImages trainset "
TRAINING += "train-set training_data train_256x256 train_v2 trainval train_val dataset_train"
HELD_OUT = "test Test TESTING val valid Validation dev eval evaluation holdout hold_out Held-Out "
HELD_OUT += "test_images val2017 TestSet test1 pred"
NUMBERED = "fold1 fold_0 fold_a split1 batch_1 part1 images_001 data_batch_2 subset9 archive(1)"
PATIENTS = "patient_1 patient007 sub-01 case12 Study3 series_2"
CLASSES = "a cat bus no_tumor class_021 level1 type2 grade3 1 2 10 COVID invalid train_station "
CLASSES += "training_plane contest case patient images fold cat_train valley 训练"


@pytest.mark.parametrize(
    ("names", "role"),
    [
        (TRAINING, Role.TRAINING),
        (HELD_OUT, Role.HELD_OUT),
        (NUMBERED, Role.NUMBERED),
        (PATIENTS, Role.PATIENT),
        (CLASSES, None),
    ],
)
def test_role_of_a_name(names: str, role: Role | None) -> None:
    assert {name: role_of(name) for name in names.split()} == dict.fromkeys(names.split(), role)


def test_words_that_all_names_share_say_nothing() -> None:
    assert roles_of(["seg_train", "seg_test"]) == [Role.TRAINING, Role.HELD_OUT]
    assert roles_of(["train_station", "bus_station"]) == [None, None]
    assert roles_of(["cat_train"]) == [None]
    assert roles_of(["xray_train", "test"]) == [Role.TRAINING, Role.HELD_OUT]
    assert roles_of(["cats", "test"]) == [None, Role.HELD_OUT]
    assert roles_of(["X_train", "X_test"]) == [Role.TRAINING, Role.HELD_OUT]


def test_parts_of_an_archive_behind_the_name_of_a_dataset() -> None:
    for names in (
        ["HAM10000_images_part_1", "HAM10000_images_part_2"],
        ["ddsm-fold1", "ddsm-fold2"],
    ):
        assert roles_of(names) == [Role.NUMBERED] * 2
    for names in (
        ["defect_1", "defect_2"],
        ["cat part 1", "dog part 1"],
        ["red part", "red part 2"],
    ):
        assert roles_of(names) == [None] * 2


def test_classes_times_parts() -> None:
    assert split_by_class(["cat_train", "cat_test", "dog_train"])
    assert not split_by_class(["cat_train", "dog_train"])
    assert not split_by_class(["train", "test"])
    assert not split_by_class(["cat", "dog_test"])


def test_names_that_say_nothing() -> None:
    assert all(map(says_nothing, ["images", "img", "JPG_files", "data_2"]))
    assert not any(map(says_nothing, ["cat", "train", "masks", "0", "2020"]))
