"""Webhook deliveries, against vectors of another tool and against whatever else may arrive."""
