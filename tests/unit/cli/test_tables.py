"""Tables show what they are given, whatever it is."""

from infra.cli.tables import rendered, table


def test_foreign_text_is_no_markup() -> None:
    text = rendered("see [/costs]", table(("[bold]a", "[/b]"), [("[red]x[/]", 1_000), ("[/]", None)], title="[/t]"))
    for shown in ("see [/costs]", "[bold]a", "[/b]", "[red]x[/]", "1,000", "[/]", "–", "[/t]"):
        assert shown in text


def test_numbers_stand_to_the_right() -> None:
    lines = [line for line in rendered(table(("name", "count"), [("a", 5), ("b", 12_345)])).splitlines() if "5" in line]
    assert lines[0].rindex("5") == lines[1].rindex("5")
