class Verification: pass
def verify_gradient(*a): return None
