"""The engine: whole trainings in compiled kernels, one network or thousands at once.

`elimination` turns a graph and its terminals into a program; `lanes` are SIMD vectors, a network each; `solve` runs the
program; `kernel` is the cycle, made of `states`, `nudging` and `updates`; `ensemble` packs plans into lanes and gives
their blocks; `sparse` solves large graphs.
"""
