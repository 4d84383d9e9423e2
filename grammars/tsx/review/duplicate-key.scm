; as: javascript
