"""Mode connectivity: the loss on paths and planes between networks, tunnels, trees, networks brought into line."""
