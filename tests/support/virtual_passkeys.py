"""A browser's page with an authenticator of its own, which recognises everybody who sits there."""

from playwright.async_api import BrowserContext, Page


async def page_with_passkeys(context: BrowserContext, told: list[str]) -> Page:
    """A page whose browser has an authenticator, and that tells what went wrong."""
    page = await context.new_page()
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    session = await context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    await session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return page
