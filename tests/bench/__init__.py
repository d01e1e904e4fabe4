"""What a registry costs: memory, which is asserted, and time, which is only ever printed as it was measured."""
