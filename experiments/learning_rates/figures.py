def figures(v):
    return {}
