"""Growth on paper: what Holdfast needs for how many people, from measured costs, and a simulation that checks it."""
