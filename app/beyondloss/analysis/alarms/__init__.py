"""Rules that tell when something is wrong with a training run's curves. Pure: arrays in, findings out.

`spikes`, `divergence` and `finite` read points as they arrive and carry a small state from batch to batch; `shape` and
`rate` look at a whole curve now and again. Thresholds are those of fine-tuning: limits meant for pre-training (six
sigma of a long raw window, a fixed factor of the last loss) do not see a single step that doubles the loss.
"""
