"""``transfer demo``: the main job, done for real between this process and two servers in its threads."""
