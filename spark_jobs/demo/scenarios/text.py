"""The text around a scenario's tables: its title, its sentences, and what to try next."""

from __future__ import annotations

from spark_jobs.render.terminal import console, say, styled_line


def show_title(title: str, sentence: str) -> None:
    """Show a rule with the title, and what happens in one sentence."""
    console.rule(styled_line((title, "bold")), align="left")
    show_sentence(sentence)


def show_sentence(sentence: str) -> None:
    """Show a sentence, wrapped at the terminal's width, and an empty line."""
    say(sentence, soft_wrap=False)
    say()


def show_next_commands(*commands: str) -> None:
    """Show commands to try next, a line each, and an empty line."""
    say("Commands to try next:", style="dim")
    for command in commands:
        say(f"  {command}")
    say()
