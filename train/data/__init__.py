"""From video files to batches and windows of frames: clips, splits, sources, the cache of decoded frames, the circle.

Here belongs what says which frames a step or a score is made on. Nothing here knows of networks, losses or scores.
"""
