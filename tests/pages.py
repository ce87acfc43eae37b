"""A page as a browser sees it."""

import html.parser


class Page(html.parser.HTMLParser):
    """Tags and texts of a page, as a browser sees them, without what is inside script and style."""

    def __init__(self, source: str):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag) -> list[dict]:
        return [attrs for name, attrs in self.tags if name == tag]
