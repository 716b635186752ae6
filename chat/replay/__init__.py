"""A recorded request made again, and sent again: to the same model or another, without touching its conversation."""
