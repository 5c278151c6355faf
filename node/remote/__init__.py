"""The HTTP client: implements `protocol.api` for another node, and believes nothing it is sent."""
