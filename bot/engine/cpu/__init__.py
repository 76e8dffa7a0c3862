"""The CPU engine: a server of the OpenAI chat protocol for hosts without a GPU (`jokebot serve`)."""
