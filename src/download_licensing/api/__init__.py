"""The HTTP API: requests in, commands and queries to the service, answers or problems out."""

from download_licensing.api.app import Api, ApiSettings, create_api

__all__ = ["Api", "ApiSettings", "create_api"]
