"""Measures tsrevel's starting time, requests and memory against the sandbox. Run: python -m benchmarks"""
