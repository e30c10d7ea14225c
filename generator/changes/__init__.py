"""Changes of one simulated shop: customers, products, orders, order items and payments, day by day."""
