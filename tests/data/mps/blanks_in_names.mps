NAME          FARM
ROWS
 N  PROFIT
 L  LAND
 L  LAND 2
COLUMNS
    WHEAT A   PROFIT          -170.0   LAND               1.0
    WHEAT A   LAND 2             2.0
    BARLEY    PROFIT          -150.0   LAND               1.0
    BARLEY    LAND 2             1.0
RHS
    RHS       LAND             100.0   LAND 2           150.0
ENDATA
