"""Who may do what with environments: the policy's answer, quotas that hold under load, and what was decided."""
