"""The site's navigation: a page that is written is a page that is listed."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

SECTIONS = ("guides", "concepts", "reference", "decisions")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """mkdocs calls this: the front page first, then each folder's pages by name."""
    docs = Path(config.docs_dir)
    pages = {
        name: sorted(path.relative_to(docs).as_posix() for path in (docs / name).glob("*.md")) for name in SECTIONS
    }
    config.nav = ["index.md", *({name.capitalize(): paths} for name, paths in pages.items() if paths)]
    return config
