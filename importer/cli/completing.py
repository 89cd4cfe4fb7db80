"""Shell completion where typer's own falls short: zsh completes from the first press of the key on."""

from typing import Final

from typer import _completion_shared as shared  # the scripts stand nowhere else

#: A function of `fpath` is loaded when it is first needed. Typer's script then only registers what completes, and the
#: first press of the key shows nothing; this one answers it, too.
_ZSH: Final = """
#compdef %(prog_name)s

%(complete_func)s() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" %(autocomplete_var)s=complete_zsh %(prog_name)s)
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  %(complete_func)s "$@"
else
  compdef %(complete_func)s %(prog_name)s
fi
"""


def mend_scripts() -> None:
    """Let the script for zsh be ours."""
    shared._completion_scripts["zsh"] = _ZSH  # noqa: SLF001 - typer has no other way
