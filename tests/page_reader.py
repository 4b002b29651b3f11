"""Elements and text of a page, as a browser without scripts would take them."""

from html.parser import HTMLParser


class Reader(HTMLParser):
    """Collect elements, attributes and text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.words, self.scripts = [], [], {}
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        inside, attributes = self.elements[-1] if self.elements else ("", {})
        if inside == "script" and "id" in attributes:
            self.scripts[attributes["id"]] = self.scripts.get(attributes["id"], "") + data
        elif inside not in ("script", "style"):
            self.words.append(data)

    def tags(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]

    @property
    def data(self):
        return self.scripts.get("data", "")

    def drawings(self, name):
        """Return the drawings in a template."""
        start = next(
            place for place, (_, attributes) in enumerate(self.elements) if attributes.get("id") == name
        )
        return [attributes for tag, attributes in self.elements[start:] if tag == "svg"]
