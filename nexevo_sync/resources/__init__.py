# Written by tools/generate_sync.py from nexevo_async/resources/__init__.py; change that, and run: make generate


