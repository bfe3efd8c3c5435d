"""Learning from nothing: collecting, replay, the world model beside the agent."""
