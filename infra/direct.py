"""Questions over HTTP to processes of this machine, which no proxy stands before."""

import urllib.request
from typing import Final

DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
