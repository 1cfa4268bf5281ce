"""Rewrite the outputs that the pages show: ``python tests/docs/refresh_outputs.py``.

Install every library first: outputs of code whose library is missing stay as they are.
"""

from pathlib import Path

from page_outputs import (
    EXAMPLES_PAGE,
    ROOT,
    SCRIPT_OUTPUT,
    SHELL_BLOCK,
    code_outputs,
    missing_for,
    pages,
    run_command,
    run_script,
    shell_pages,
)


def refreshed_code(page: Path) -> str:
    """Return the text of a page with the outputs of its code as they are now."""
    text = page.read_text(encoding="utf-8")
    for output in reversed(code_outputs(page)):
        text = text[: output.start] + output.printed + text[output.end :]
    return text


def refreshed_scripts(text: str) -> str:
    """Return the text of the page of examples with the outputs of the scripts as they are now."""
    for match in reversed(list(SCRIPT_OUTPUT.finditer(text))):
        if not missing_for(match["script"]):
            start, end = match.span("printed")
            text = text[:start] + run_script(match["script"]).stdout + text[end:]
    return text


def refreshed_commands(text: str) -> str:
    """Return the text of a page with the outputs of its commands as they are now."""
    for match in reversed(list(SHELL_BLOCK.finditer(text))):
        start, end = match.span("printed")
        text = text[:start] + run_command(match["command"]) + text[end:]
    return text


def main() -> None:
    for page in pages():
        page.write_text(refreshed_code(page), encoding="utf-8")
        print(page.relative_to(ROOT))
    for page in shell_pages():
        text = page.read_text(encoding="utf-8")
        page.write_text(refreshed_commands(text), encoding="utf-8")
        print(page.relative_to(ROOT))
    text = EXAMPLES_PAGE.read_text(encoding="utf-8")
    EXAMPLES_PAGE.write_text(refreshed_scripts(text), encoding="utf-8")
    print(EXAMPLES_PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main()
