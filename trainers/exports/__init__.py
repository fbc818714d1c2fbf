"""Published rows in the form that other trainers read, with the reward that they call; see docs/exports.md."""
