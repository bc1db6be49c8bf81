"""The atlas: a static site of the published experiments, of a store's runs, the handbook and the API reference.

Pages are written as Markdown with blocks of HTML, in a folder laid out as the repository is, so that the links of the
handbook and of the experiments' pages hold; Zensical, which comes with the extra ``lossatlas[atlas]``, makes the site.
"""

from lossatlas.atlas.site import build

__all__ = ["build"]
