; as: java
