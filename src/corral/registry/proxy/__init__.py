"""The pull-through cache: `upstream` asks another registry, `cache` decides what to ask for and keeps the answers,
`download` brings in one blob while everybody who wants it reads along."""
