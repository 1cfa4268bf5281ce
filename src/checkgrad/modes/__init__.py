"""The modes of automatic differentiation, checked one by one."""
