"""Pure steps from pixels to numbers: detection, mesh, landmarks, pose, expression, age, template."""
