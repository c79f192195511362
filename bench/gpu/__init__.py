"""All measurements that need a GPU, as one programme of parts that ends within a few minutes.

A GPU is often at hand for a short time only. The programme therefore writes every row at once, leaves the
other parts alone if one fails, and stops at a time limit.
"""
