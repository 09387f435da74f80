"""The pages for people who stand at no lane, at a server or at the host of a venue without one."""
