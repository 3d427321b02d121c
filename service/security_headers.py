"""Headers that keep an answer to what it is for: no frame, no guessing, no use by other sites.

Only what is not there yet is set.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What programs read is never a page.
_API_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
# Scripts and styles come from our own files alone: no inline script, no inline style, no eval.
# Plotly lives with it: it sets styles through the DOM, and its own style sheet is in page.css.
# Images: the icon, and a figure on its way to a file.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Answers differ by who asks, and change: a shared cache may keep none, a browser asks again.
    "Cache-Control": "private, no-cache",
}
_HSTS = "max-age=31536000"


class SecurityHeaders:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                add_security_headers(headers, scope["path"], scope["scheme"] == "https")
            await send(message)

        await self._app(scope, receive, send_with_headers)


def add_security_headers(headers: MutableHeaders, path: str, is_https: bool = False) -> None:
    """Set those that are missing."""
    policy = _API_POLICY if path.startswith("/v1/") else _PAGE_POLICY
    headers.setdefault("Content-Security-Policy", policy)
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if is_https:
        headers.setdefault("Strict-Transport-Security", _HSTS)
