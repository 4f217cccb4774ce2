%% @doc Answers 401 to who does not say who he is (RFC 7617).
%%
%% The app finds the name in REMOTE_USER, and AUTH_TYPE is `Basic'. Names and passwords pass in the
%% clear unless the connection is encrypted.
%%
%% ```
%% gwport_mw_basic_auth:around(#{users => #{<<"joe">> => Password}, field => "x-remote-user"})
%% '''
-module(gwport_mw_basic_auth).

-export([around/1]).

-export_type([options/0]).

-type options() :: #{
    users => #{binary() | string() => binary() | string()},
    check => fun((User :: binary(), Password :: binary()) -> boolean()),
    realm => binary() | string(),
    field => binary() | string() | none}.
%% See around/1.

%% @doc The middleware. Options, as a map, a keyword list or a property list:
%%
%% <ul>
%% <li>`users': a map of passwords by name, which are compared in a time that tells nothing of them;
%%     or, in its place,</li>
%% <li>`check': a fun that tells whether a name and a password are good</li>
%% <li>`realm' (restricted): what the browser shows</li>
%% <li>`field' (none): a field of the request that has the name too, in the place of the client's
%%     own: a program sees fields, and no REMOTE_USER</li>
%% </ul>
-spec around(options() | proplists:proplist()) -> gwport_gateway:middleware().
around(Given) ->
    #{realm := Realm, field := Field} = Options = gwport_mw_options:check(Given,
        #{users => none, check => none, realm => <<"restricted">>, field => none}, fun value/2),
    Check = check(Options),
    Challenge = <<"Basic realm=\"", Realm/binary, "\", charset=\"UTF-8\"">>,
    fun(App) ->
        fun(Environ) ->
            case user(maps:get(<<"HTTP_AUTHORIZATION">>, Environ, <<>>), Check) of
                {ok, User} -> App(named(User, Field, Environ));
                false -> unknown(Challenge)
            end
        end
    end.

value(users, Given) when is_map(Given), map_size(Given) > 0 ->
    Users = [{gwport_mw_options:text(User), gwport_mw_options:text(Password)}
        || {User, Password} <- maps:to_list(Given)],
    case lists:all(fun is_user/1, Users) of
        true -> {ok, [{User, Password} || {{ok, User}, {ok, Password}} <- Users]};
        false -> {hidden, "expected texts, without control characters, and names without a colon"}
    end;
value(users, _) ->
    {hidden, "expected a map of passwords by name"};
value(check, Given) ->
    gwport_mw_options:expected(is_function(Given, 2), Given, "expected a fun of two arguments");
value(realm, Given) ->
    case gwport_mw_options:text(Given) of
        {ok, Realm} -> gwport_mw_options:expected(<< <<C>> || <<C>> <= Realm, C >= $\s, C =< $~,
            C =/= $", C =/= $\\ >> =:= Realm, Realm, not_realm());
        _ -> {error, not_realm()}
    end;
value(field, none) ->
    {ok, none};
value(field, Given) ->
    gwport_mw_options:field(Given).

not_realm() ->
    "expected characters of ASCII, without quotes and backslashes".

is_user({{ok, User}, {ok, Password}}) ->
    binary:match(User, <<":">>) =:= nomatch andalso not has_control(User)
        andalso not has_control(Password);
is_user(_) ->
    false.

has_control(Text) ->
    << <<C>> || <<C>> <= Text, C >= $\s, C =/= 127 >> =/= Text.

%% Digests of the users, so that all have one length, and no crash shows a password.
check(#{users := none, check := none}) ->
    error({missing_option, users});
check(#{users := none, check := Check}) ->
    Check;
check(#{users := Users, check := none}) ->
    Secret = crypto:strong_rand_bytes(32),
    Known = maps:from_list([{digest(User, Secret), digest(Password, Secret)}
        || {User, Password} <- Users]),
    fun(User, Password) -> is_known(digest(User, Secret), digest(Password, Secret), Known) end;
check(_) ->
    error({bad_option, {check, hidden, "expected one of users and check"}}).

digest(Text, Secret) ->
    crypto:mac(hmac, sha256, Secret, Text).

%% Who is not known is compared too, and takes as long.
is_known(User, Password, Known) ->
    Want = maps:get(User, Known, <<0:256>>),
    crypto:hash_equals(Want, Password) andalso is_map_key(User, Known).

user(Field, Check) ->
    case credentials(Field) of
        {ok, User, Password} -> Check(User, Password) =:= true andalso {ok, User};
        false -> false
    end.

credentials(<<Scheme:5/binary, " ", Token/binary>>) ->
    case {gwport_field:lower(Scheme), decoded(string:trim(Token, both, " "))} of
        {<<"basic">>, {ok, Pair}} -> pair(binary:split(Pair, <<":">>), has_control(Pair));
        _ -> false
    end;
credentials(_) ->
    false.

%% OTP's passes over spaces.
decoded(Token) ->
    try binary:match(Token, [<<" ">>, <<"\t">>]) =:= nomatch andalso {ok, base64:decode(Token)}
    catch error:_ -> false
    end.

pair([User, Password], false) -> {ok, User, Password};
pair(_, _) -> false.

named(User, none, Environ) ->
    Environ#{<<"REMOTE_USER">> => User, <<"AUTH_TYPE">> => <<"Basic">>};
named(User, {_, Key}, Environ) ->
    (named(User, none, Environ))#{Key => User}.

unknown(Challenge) ->
    {Status, Headers, Body} = gwport_gateway:text(401, "Who are you?\n"),
    {Status, Headers ++ [{<<"www-authenticate">>, Challenge}], Body}.
