"""``python -m checkgrad``, see `checkgrad.command_line`."""

from __future__ import annotations

from checkgrad.command_line.main import main

raise SystemExit(main())
