"""Fine-tune and score every model, and compare: the experiment of transferability papers.

Nothing is imported here, so that the command line's help needs no torch.
"""
