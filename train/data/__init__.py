"""From video files to what a step of training or a score is made on: nothing here knows of networks."""
