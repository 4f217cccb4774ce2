%% @doc Has a POST say that it is another method, for clients that can send no other: in a field, or
%% in the query of an HTML form's action.
%%
%% No other method is looked at. What is not in the list is 400, lest an app take it for the POST
%% that it is not.
%%
%% ```
%% gwport_mw_method_override:around(#{parameter => "_method"})
%% '''
-module(gwport_mw_method_override).

-export([around/1]).

-export_type([options/0]).

-type options() :: #{
    field => binary() | string(),
    parameter => binary() | string() | none,
    methods => [binary() | string()]}.
%% See around/1.

%% @doc The middleware. Options, as a map, a keyword list or a property list:
%%
%% <ul>
%% <li>`field' (x-http-method-override): the field that says it</li>
%% <li>`parameter' (none): the parameter of the query that says it where the field is missing,
%%     `_method' for example</li>
%% <li>`methods' (PUT, PATCH and DELETE): those that may be said, in capitals</li>
%% </ul>
-spec around(options() | proplists:proplist()) -> gwport_gateway:middleware().
around(Given) ->
    Options = gwport_mw_options:check(Given, #{
        field => {<<"x-http-method-override">>, <<"HTTP_X_HTTP_METHOD_OVERRIDE">>},
        parameter => none,
        methods => [<<"PUT">>, <<"PATCH">>, <<"DELETE">>]
    }, fun value/2),
    fun(App) -> fun(Environ) -> call(Environ, App, Options) end end.

value(field, Given) -> gwport_mw_options:field(Given);
value(parameter, none) -> {ok, none};
value(parameter, Given) -> gwport_mw_options:text(Given);
value(methods, Given) ->
    case gwport_mw_options:tokens(Given) of
        {ok, Methods = [_ | _]} ->
            gwport_mw_options:expected([upper(Method) || Method <- Methods] =:= Methods, Methods,
                not_methods());
        _ ->
            {error, not_methods()}
    end.

not_methods() ->
    "expected a list of methods in capitals, such as PUT".

call(Environ = #{<<"REQUEST_METHOD">> := <<"POST">>}, App, #{field := {_, Key}, methods := Methods}
        = Options) ->
    Method = upper(said(Environ, Options)),
    case lists:member(Method, Methods) of
        _ when Method =:= <<>>; Method =:= <<"POST">> ->
            App(Environ);
        true ->
            App(maps:remove(Key, Environ#{<<"REQUEST_METHOD">> := Method}));
        false ->
            gwport_gateway:text(400, "A POST may not stand for this method.\n")
    end;
call(Environ, App, _) ->
    App(Environ).

said(Environ, #{field := {_, Key}, parameter := Parameter}) ->
    case maps:get(Key, Environ, <<>>) of
        <<>> when Parameter =/= none -> asked(Parameter, maps:get(<<"QUERY_STRING">>, Environ));
        Said -> Said
    end.

asked(Parameter, Query) ->
    case uri_string:dissect_query(Query) of
        Pairs when is_list(Pairs) -> proplists:get_value(Parameter, [Pair || Pair = {_, Value}
            <- Pairs, is_binary(Value)], <<>>);
        _ -> <<>>
    end.

upper(Text) ->
    << <<(if C >= $a, C =< $z -> C - 32; true -> C end)>> || <<C>> <= Text >>.
