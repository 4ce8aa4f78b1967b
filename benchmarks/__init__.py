"""What tsrevel costs: starting time, requests and memory, measured against the sandbox. Run: python -m benchmarks"""
