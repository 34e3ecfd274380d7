"""Choosing a checkpoint: what ratings and losses say of each, which one was chosen, and how it is served."""

from beyondloss.services.choosing.choice import choices_made, choose, step_named, unchoose
from beyondloss.services.choosing.commands import Command, Purpose
from beyondloss.services.choosing.moves import MovedBehaviour, StepMove, moves_of
from beyondloss.services.choosing.serving import Serving, Unservable, serving_of
from beyondloss.services.choosing.weighing import LowestLoss, Weighing, weigh_checkpoints

__all__ = [
    "Command",
    "LowestLoss",
    "MovedBehaviour",
    "Purpose",
    "Serving",
    "StepMove",
    "Unservable",
    "Weighing",
    "choices_made",
    "choose",
    "moves_of",
    "serving_of",
    "step_named",
    "unchoose",
    "weigh_checkpoints",
]
