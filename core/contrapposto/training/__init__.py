# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the priors, with torch; never imported at run time."""
