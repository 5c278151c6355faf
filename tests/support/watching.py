"""What a browser complains of and asks for while a test looks at pages, seen by the browser and not by the console."""

from dataclasses import dataclass, field

from playwright.async_api import BrowserContext

from node.console.csp import CSP_REPORTS


@dataclass(slots=True)
class Watch:
    """Over all pages of the browser windows it was set over."""

    complaints: list[str] = field(default_factory=list)
    """What stands in the browser's console, and errors of scripts."""
    asked: list[str] = field(default_factory=list)
    """Addresses of all requests: reports of what the policy stopped are among them."""

    def over(self, context: BrowserContext) -> None:
        """Watch a window from here on."""
        context.on("console", lambda message: self.complaints.append(message.text))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", lambda request: self.asked.append(request.url))

    def forget(self) -> None:
        """Begin anew, in the same windows."""
        self.complaints.clear()
        self.asked.clear()

    def amiss(self, origin: str) -> list[str]:
        """Complaints, reports, and requests to anywhere but the console at `origin`; nothing is good."""
        assert self.asked, "a browser that asked for nothing looked at nothing"
        own = f"{origin.rstrip('/')}/"
        strange = [url for url in self.asked if not url.startswith(own) or url == f"{own[:-1]}{CSP_REPORTS}"]
        return self.complaints + strange
