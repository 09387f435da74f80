"""Events for backends outside: kept with what they tell of, delivered in order, each to its end."""
