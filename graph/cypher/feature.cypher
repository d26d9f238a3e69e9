MATCH (f:Feature {id: $id}) RETURN f {.*} AS feature
