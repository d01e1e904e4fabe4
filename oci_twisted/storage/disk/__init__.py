"""
Storage in a folder of this machine, which may be shared by several processes.
"""
