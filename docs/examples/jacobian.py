"""Check the hand-written Jacobian of a robot arm's forward kinematics.

Run ``python docs/examples/jacobian.py``. It prints the reports on a right and on two
broken Jacobians. It exits with 0 if the right one is correct and the broken ones are
wrong.
"""

import sys

import numpy as np

from checkgrad import Verdict, verify_jac

LENGTHS = np.array([0.7, 0.5, 0.3])  # of the links, in metres


def pose(angles):
    """Return where the hand of a planar arm is, and in which direction it points."""
    headings = np.cumsum(angles)
    x, y = LENGTHS @ np.cos(headings), LENGTHS @ np.sin(headings)
    return np.array([x, y, headings[-1]])


def jacobian(angles):
    """Return a row for each number of `pose`, and a column for each joint.

    A joint turns all links after it.
    """
    headings = np.cumsum(angles)
    along = np.cumsum((LENGTHS * np.cos(headings))[::-1])[::-1]
    across = np.cumsum((LENGTHS * np.sin(headings))[::-1])[::-1]
    return np.stack([-across, along, np.ones(3)])


def transposed(angles):
    """Return a broken Jacobian: a row for each joint. The shape is the same."""
    return jacobian(angles).T


def single_link(angles):
    """Return a broken Jacobian: every joint turns only one link."""
    headings = np.cumsum(angles)
    return np.stack(
        [-LENGTHS * np.sin(headings), LENGTHS * np.cos(headings), np.ones(3)]
    )


def main():
    angles = np.array([0.4, 0.9, -0.6])
    right = verify_jac(pose, jacobian, angles)
    turned = verify_jac(pose, transposed, angles)
    short = verify_jac(pose, single_link, angles)
    print(f"right:\n{right}\n")
    print(f"transposed:\n{turned}\n")
    print(f"one link for each joint:\n{short}")
    return 0 if right and turned.verdict is short.verdict is Verdict.WRONG else 1


if __name__ == "__main__":
    sys.exit(main())
