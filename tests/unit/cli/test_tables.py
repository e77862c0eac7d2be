"""Tables show texts as they are."""

from infra.cli.tables import rendered, table


def test_brackets_in_a_text_are_no_markup() -> None:
    said = rendered(table(("why", "n"), [("the policy names no [costs]", 1_234)], title="Request [red]a[/red]"))
    assert "names no [costs]" in said
    assert "Request [red]a[/red]" in said
    assert "1,234" in said
